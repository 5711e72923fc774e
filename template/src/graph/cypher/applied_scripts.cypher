MATCH (script:SchemaScript) WHERE script.owner = $owner
RETURN script.number AS number, script.checksum AS checksum
