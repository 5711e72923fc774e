MERGE (script:SchemaScript {rec_id: $rec_id})
SET script.owner = $owner, script.number = $number, script.name = $name, script.checksum = $checksum,
  script.applied_at = datetime()
RETURN script.rec_id AS rec_id
