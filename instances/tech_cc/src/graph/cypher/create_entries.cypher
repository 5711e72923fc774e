CALL (c) {
  UNWIND $rows.<type> AS row
  OPTIONAL MATCH (old:<type> {rec_id: row.rec_id}) WHERE old:<module>
  WITH row, old WHERE old IS NULL
  CREATE (n:<type>:<module> {rec_id: row.rec_id})
  SET n += row.properties
  WITH n, row
  MATCH (request:Request {rec_id: row.request}) WHERE request:<module>
  CREATE (n)-[:IN_REQUEST]->(request)
}
