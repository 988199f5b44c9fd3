// SQLite by better-sqlite3, the way its manual advises: WAL, prepared statements, one connection a
// process. synchronous=FULL: what was answered survives a loss of power.
import path from 'node:path';
import Database from 'better-sqlite3';

const TABLES = `
CREATE TABLE IF NOT EXISTS user (
  id INTEGER PRIMARY KEY, username TEXT NOT NULL UNIQUE COLLATE NOCASE,
  email TEXT NOT NULL UNIQUE COLLATE NOCASE, password TEXT NOT NULL,
  email_verified INTEGER NOT NULL DEFAULT 0, date_joined INTEGER NOT NULL, last_login INTEGER,
  proof BLOB UNIQUE, proof_until INTEGER);
CREATE TABLE IF NOT EXISTS session (
  jti TEXT PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES user(id)) WITHOUT ROWID;`;

const taken = (field) => ({ [field]: [`A user with this ${field} already exists.`] });
const iso = (ms) => (ms === null ? null : new Date(ms).toISOString());

export function openDatabase(folder) {
  const db = new Database(path.join(folder, 'db.sqlite3'), { timeout: 60000 });
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.exec(TABLES);
  const byName = db.prepare('SELECT id, password FROM user WHERE username = ?');
  const byEmail = db.prepare('SELECT 1 FROM user WHERE email = ?');
  const byId = db.prepare('SELECT id, username, email, email_verified, date_joined, last_login '
    + 'FROM user WHERE id = ?');
  const insertUser = db.prepare('INSERT INTO user (username, email, password, date_joined, proof, '
    + 'proof_until) VALUES (?, ?, ?, ?, ?, ?)');
  const prove = db.prepare('UPDATE user SET email_verified = 1, proof = NULL, proof_until = NULL '
    + 'WHERE proof = ? AND proof_until > ?');
  const insertSession = db.prepare('INSERT INTO session (jti, user_id) VALUES (?, ?)');
  const setLastLogin = db.prepare('UPDATE user SET last_login = ? WHERE id = ?');
  const rotate = db.prepare('UPDATE session SET jti = ? WHERE jti = ?');
  const beginSession = db.transaction((jti, userId, now) => {
    insertSession.run(jti, userId);
    setLastLogin.run(now, userId);
  });

  return {
    close: () => db.close(),
    // The refusal of a name or an address that is taken, or null.
    taken(username, email) {
      if (byEmail.get(email)) return taken('email');
      return byName.get(username) ? taken('username') : null;
    },
    // As taken(), of somebody who was faster.
    addUser(username, email, password, proof, proofUntil) {
      try {
        insertUser.run(username, email, password, Date.now(), proof, proofUntil);
        return null;
      } catch (error) {
        if (error.code !== 'SQLITE_CONSTRAINT_UNIQUE') throw error;
        return taken(error.message.endsWith('email') ? 'email' : 'username');
      }
    },
    proveAddress: (proof, now) => prove.run(proof, now).changes === 1,
    userByName: (username) => byName.get(username),
    userById(id) {
      const user = byId.get(id);
      return user && {
        ...user, id: String(user.id), email_verified: user.email_verified === 1,
        date_joined: iso(user.date_joined), last_login: iso(user.last_login),
      };
    },
    addSession: (jti, userId, now) => beginSession.immediate(jti, userId, now),
    rotateSession: (old, jti) => rotate.run(jti, old).changes === 1,
  };
}
