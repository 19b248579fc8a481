/** SQLite layout, version 1: the tables of one store and how a file says that it is one. */

/** "VARV" in the file's application id, so that `file` and we can tell a store from any other database. */
export const applicationId = 0x56415256

/** 1: the first layout. */
export const layoutVersion = 1

/**
 * Headers and bodies stand apart from the rest of a commit, because SQLite writes a whole row again
 * when one column changes. Names and ids are BLOBs, because they order by their UTF-8 bytes.
 */
export const layout = `
CREATE TABLE store (name TEXT NOT NULL);
CREATE TABLE named_values (name BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE feeds (
  no INTEGER PRIMARY KEY, id BLOB NOT NULL, public_key BLOB NOT NULL, length INTEGER NOT NULL,
  head BLOB NOT NULL, listed INTEGER NOT NULL, recorded INTEGER NOT NULL
);
CREATE TABLE commits (
  no INTEGER PRIMARY KEY, feed INTEGER NOT NULL, seq INTEGER NOT NULL, stamp TEXT NOT NULL, id BLOB NOT NULL,
  signature BLOB, record INTEGER, at INTEGER, refused TEXT, UNIQUE (feed, seq)
);
CREATE TABLE payloads (
  no INTEGER PRIMARY KEY, size INTEGER NOT NULL, header BLOB NOT NULL, bodies BLOB NOT NULL
);
CREATE TABLE receipts (
  record INTEGER PRIMARY KEY, commit_no INTEGER NOT NULL, at INTEGER NOT NULL, bytes BLOB NOT NULL, signature BLOB
);
CREATE TABLE documents (
  no INTEGER PRIMARY KEY, tag BLOB NOT NULL UNIQUE, state TEXT, changed INTEGER NOT NULL
);
CREATE TABLE entries (
  document INTEGER NOT NULL, place INTEGER NOT NULL, idx INTEGER NOT NULL, commit_no INTEGER NOT NULL,
  ov INTEGER NOT NULL, cv INTEGER NOT NULL, PRIMARY KEY (document, place, idx)
) WITHOUT ROWID;
CREATE TABLE snapshots (
  document INTEGER NOT NULL, place INTEGER NOT NULL, state TEXT NOT NULL, PRIMARY KEY (document, place)
) WITHOUT ROWID;
CREATE TABLE index_rows (
  idx INTEGER NOT NULL, key BLOB NOT NULL, id BLOB NOT NULL, document INTEGER NOT NULL, PRIMARY KEY (idx, key, id)
) WITHOUT ROWID;
CREATE TABLE dependencies (
  feed INTEGER NOT NULL, on_feed INTEGER NOT NULL, seq INTEGER NOT NULL, seen INTEGER NOT NULL,
  PRIMARY KEY (feed, on_feed, seq)
) WITHOUT ROWID;
CREATE TABLE touches (position INTEGER PRIMARY KEY, document INTEGER NOT NULL);
CREATE TABLE locked (key BLOB NOT NULL, document INTEGER NOT NULL, PRIMARY KEY (key, document)) WITHOUT ROWID;
`
