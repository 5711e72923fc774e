MATCH (e:Event {subject_id: $id})
RETURN labels(e) AS labels, count(e) AS entries
