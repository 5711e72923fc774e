MATCH (c:Checkpoint {rec_id: $checkpoint}) WHERE c:<module>
RETURN c.xid AS xid, c.seq AS seq, c.is_rebuilding AS is_rebuilding
