MATCH (lock:SchemaLock {rec_id: 'schema'}) WHERE lock.holder = $holder
SET lock.expires_at = 0
RETURN lock.holder AS holder
