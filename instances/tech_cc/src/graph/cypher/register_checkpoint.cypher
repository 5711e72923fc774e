MERGE (c:Checkpoint:<module> {rec_id: $checkpoint})
ON CREATE SET c.xid = 0, c.seq = 0, c.is_rebuilding = false, c.updated_at = datetime()
RETURN c.xid AS xid, c.seq AS seq, c.is_rebuilding AS is_rebuilding
