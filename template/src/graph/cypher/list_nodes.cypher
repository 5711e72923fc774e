MATCH (n:<type>) WHERE n.rec_id > $after AND ($module IS NULL OR $module IN labels(n))
RETURN labels(n) AS labels, properties(n) AS properties ORDER BY n.rec_id LIMIT $limit
