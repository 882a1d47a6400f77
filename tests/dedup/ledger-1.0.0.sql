-- What version 1.0.0 wrote, as `sqlite3.Connection.iterdump` shows it, for a tap with these rows:
--   events (keys: id)         {"id": 1 and 2, "user_id": "ada", "name": "used", "n": its id}
--   public-orders (keys: id)  {"id": 1 and 2, "user_id": "ada", "name": "ordered", "n": its id}
--   users (keys: id)          {"id": "ada", "plan": "pro"}
-- and skip_unchanged: true, stream_maps: {"public-orders": {"__alias__": "shop-events"}}.
-- Its destination was a sandbox, whose port is another one each time: a test puts its own in.
BEGIN TRANSACTION;
CREATE TABLE ledger_delivered (
	destination INTEGER NOT NULL,
	"key" BLOB NOT NULL,
	mark BLOB NOT NULL,
	day INTEGER NOT NULL,
	PRIMARY KEY (destination, "key")
)
WITHOUT ROWID
;
INSERT INTO "ledger_delivered" VALUES(1,X'6FBD8F9F716BD20C2236C40A00208E01',X'21',739947);
INSERT INTO "ledger_delivered" VALUES(1,X'717500B1B88893685E2375B626F63BF8',X'AE74D524575A4BA1',739947);
INSERT INTO "ledger_delivered" VALUES(1,X'A0C5A2E57152CA51D1F52962E7009AC2',X'21',739947);
INSERT INTO "ledger_delivered" VALUES(1,X'C0C38508A107C91564A14AFD5135E155',X'21',739947);
INSERT INTO "ledger_delivered" VALUES(1,X'C4BB96825A7DAD48656C7A77C933331B',X'21',739947);
CREATE TABLE ledger_destinations (
	id INTEGER NOT NULL,
	hash BLOB NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (hash)
);
INSERT INTO "ledger_destinations" VALUES(1,X'C0FD2448AF269F1A6BB6CE3FED9B8539');
CREATE TABLE ledger_mirrored (
	destination INTEGER NOT NULL,
	"key" BLOB NOT NULL,
	stream BLOB NOT NULL,
	ids TEXT NOT NULL,
	since BIGINT NOT NULL,
	version BIGINT NOT NULL,
	PRIMARY KEY (destination, "key", stream)
)
WITHOUT ROWID
;
CREATE TABLE ledger_version (
	version INTEGER NOT NULL
);
INSERT INTO "ledger_version" VALUES(2);
COMMIT;
