MATCH (c:Checkpoint {rec_id: $checkpoint}) WHERE c:<module>
SET c.updated_at = datetime()
WITH c WHERE c.xid = $old_xid AND c.seq = $old_seq AND NOT c.is_rebuilding
SET c.xid = $xid, c.seq = $seq
WITH c
