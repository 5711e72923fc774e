MATCH (a) WHERE elementId(a) IN $elements
CALL (a) {
  MATCH (a)-[r]-(b)
  RETURN type(r) AS relation, startNode(r) = a AS is_outgoing, b LIMIT $limit
}
WITH a, relation, is_outgoing, b LIMIT $limit
RETURN a.rec_id AS from, relation, is_outgoing, elementId(b) AS element, labels(b) AS labels,
  properties(b) AS properties
