CREATE CONSTRAINT module_rec_id IF NOT EXISTS FOR (n:Module) REQUIRE n.rec_id IS UNIQUE;
CREATE INDEX module_name IF NOT EXISTS FOR (n:Module) ON (n.name);
