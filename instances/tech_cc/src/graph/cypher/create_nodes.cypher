CALL (c) {
  UNWIND $rows.<type> AS row
  OPTIONAL MATCH (old:<type> {rec_id: row.rec_id}) WHERE old:<module>
  WITH row, old WHERE old IS NULL
  CREATE (:<type>:<module> {rec_id: row.rec_id, xid: -1, seq: -1})
}
