MATCH (r:Request {request_id: $id})<-[:IN_REQUEST]-(n)
RETURN labels(r) AS labels, count(n) AS entries
