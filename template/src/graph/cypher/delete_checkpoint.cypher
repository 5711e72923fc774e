MATCH (c:Checkpoint) WHERE c:<module>
DELETE c
