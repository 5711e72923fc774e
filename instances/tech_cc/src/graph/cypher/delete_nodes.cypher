MATCH (n:<module>) WHERE NOT n:Checkpoint
WITH n LIMIT $limit
DETACH DELETE n
RETURN count(*) AS deleted
