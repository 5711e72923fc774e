CALL (c) {
  UNWIND $rows.<rows> AS row
  MATCH (a:<start> {rec_id: row.start}) WHERE a:<module>
  MATCH (b:<end> {rec_id: row.end}) WHERE b:<module>
  MERGE (a)-[:<relation>]->(b)
}
