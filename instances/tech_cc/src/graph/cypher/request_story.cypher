MATCH (r:Request {request_id: $request_id})<-[:IN_REQUEST]-(n)
WHERE $module IS NULL OR $module IN labels(n)
RETURN labels(n) AS labels, properties(n) AS properties ORDER BY n.at, n.rec_id LIMIT $limit
