MATCH (n:<type> {rec_id: $rec_id})
RETURN labels(n) AS labels, properties(n) AS properties, elementId(n) AS element
