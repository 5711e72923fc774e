// What the log of every module becomes. Scripts are applied once, in their order; never change one that was released.
CREATE CONSTRAINT request_rec_id IF NOT EXISTS FOR (n:Request) REQUIRE n.rec_id IS UNIQUE;
CREATE CONSTRAINT event_rec_id IF NOT EXISTS FOR (n:Event) REQUIRE n.rec_id IS UNIQUE;
CREATE CONSTRAINT prompt_rec_id IF NOT EXISTS FOR (n:Prompt) REQUIRE n.rec_id IS UNIQUE;
CREATE INDEX request_request_id IF NOT EXISTS FOR (n:Request) ON (n.request_id);
CREATE INDEX event_subject_id IF NOT EXISTS FOR (n:Event) ON (n.subject_id);
