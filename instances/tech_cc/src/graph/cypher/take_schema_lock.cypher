MERGE (lock:SchemaLock {rec_id: 'schema'})
SET lock.asked_at = timestamp()
WITH lock WHERE coalesce(lock.expires_at, 0) < timestamp()
SET lock.holder = $holder, lock.expires_at = timestamp() + $lifetime_ms
RETURN lock.holder AS holder
