// The paths of docs/api.md as a plain, careful Node service: Fastify, a process a core (cluster),
// node:crypto's PBKDF2 on libuv's threads, better-sqlite3, HS256 by fast-jwt, nodemailer's pool.
// A commit is flushed before it is answered (WAL with synchronous=FULL), as one of Gatepost is.
// Arguments: folder port iterations relay_port (0: letters go nowhere) processes.
import cluster from 'node:cluster';
import { createHash, randomBytes } from 'node:crypto';
import Fastify from 'fastify';
import { openDatabase } from './database.mjs';
import { openMail } from './mail.mjs';
import { makePasswords } from './passwords.mjs';
import { addErrorHandlers, refuse, refuseToken } from './refusals.mjs';
import { schemas } from './schemas.mjs';
import { makeTokens, newId } from './tokens.mjs';

const KEY = 'a key for benches alone, of 32 bytes and more';
const PROOF_LIFE_MS = 86400000;
const BEARER = 'Bearer ';

const folder = process.argv[2];
const [port, iterations, relayPort, processes] = process.argv.slice(3).map(Number);
const digest = (text) => createHash('sha256').update(text).digest();

function addAccounts(app, database, passwords, mail) {
  app.post('/api/auth/signup', { schema: schemas.signup }, async (request, reply) => {
    const { username, email, password } = request.body;
    const taken = database.taken(username, email);
    if (taken) return refuse(reply, 400, taken);
    const encoded = await passwords.encode(password);
    const proof = randomBytes(32).toString('base64url');
    const raced = database.addUser(username, email, encoded, digest(proof), Date.now() + PROOF_LIFE_MS);
    if (raced) return refuse(reply, 400, raced);
    mail.send(username, email, proof);
    reply.code(201);
    return { message: 'User registered successfully' };
  });

  app.post('/api/auth/verify-email', { schema: schemas.verifyEmail }, async (request, reply) => (
    database.proveAddress(digest(request.body.token), Date.now())
      ? { message: 'Email verified successfully' }
      : refuse(reply, 400, { token: ['Invalid or expired token.'] })));
}

function addSessions(app, database, passwords, tokens) {
  app.post('/api/auth/login', { schema: schemas.login }, async (request, reply) => {
    const user = database.userByName(request.body.username);
    if (!await passwords.matches(request.body.password, user?.password)) {
      return refuse(reply, 401, { detail: 'No active account found with the given credentials' });
    }
    const jti = newId();
    database.addSession(jti, user.id, Date.now());
    return tokens.pair(user.id, jti);
  });

  app.post('/api/auth/token/refresh', { schema: schemas.refresh }, async (request, reply) => {
    const claims = tokens.read(request.body.refresh, 'refresh');
    const jti = newId();
    if (!claims || !database.rotateSession(claims.jti, jti)) return refuseToken(reply);
    return tokens.pair(claims.user_id, jti);
  });

  app.get('/api/auth/me', { schema: schemas.me }, async (request, reply) => {
    const { authorization = '' } = request.headers;
    if (!authorization.startsWith(BEARER)) {
      return refuse(reply, 401, { detail: 'Authentication credentials were not provided.' });
    }
    const claims = tokens.read(authorization.slice(BEARER.length), 'access');
    const user = claims && database.userById(claims.user_id);
    return user || refuseToken(reply);
  });
}

async function serve() {
  const app = Fastify({ logger: false, ajv: { customOptions: { allErrors: true } } });
  const database = openDatabase(folder);
  const passwords = makePasswords(iterations);
  addErrorHandlers(app);
  addAccounts(app, database, passwords, openMail(relayPort));
  addSessions(app, database, passwords, makeTokens(KEY));
  await app.listen({ host: '127.0.0.1', port });
}

function watchOver() {
  openDatabase(folder).close();     // the tables are there before the first process asks
  for (let i = 0; i < processes; i++) cluster.fork();
  cluster.on('exit', () => process.exit(1));
  process.on('SIGTERM', () => {
    cluster.removeAllListeners('exit');
    for (const worker of Object.values(cluster.workers)) worker.kill();
    process.exit(0);
  });
}

if (cluster.isPrimary && processes > 1) watchOver();
else await serve();
