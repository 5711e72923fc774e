MATCH (c:Checkpoint {rec_id: $checkpoint}) WHERE c:<module>
SET c.xid = $xid, c.seq = $seq, c.is_rebuilding = $is_rebuilding, c.updated_at = datetime()
RETURN c.xid AS xid
