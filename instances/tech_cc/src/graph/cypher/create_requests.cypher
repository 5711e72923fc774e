CALL (c) {
  UNWIND $rows.Request AS row
  OPTIONAL MATCH (old:Request {rec_id: row.rec_id}) WHERE old:<module>
  WITH row, old WHERE old IS NULL
  CREATE (n:Request:<module> {rec_id: row.rec_id})
  SET n += row.properties
}
