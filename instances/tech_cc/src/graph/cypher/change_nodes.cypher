CALL (c) {
  UNWIND $rows.<type> AS row
  MATCH (n:<type> {rec_id: row.rec_id}) WHERE n:<module>
  WITH n, row, properties(n) AS before, n.xid < row.xid OR (n.xid = row.xid AND n.seq < row.seq) AS is_newer
  SET n += row.properties
  SET n += CASE WHEN is_newer THEN row.properties ELSE before END
}
