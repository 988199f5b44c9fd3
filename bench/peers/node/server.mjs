// The paths of docs/api.md as a plain, careful Node service: Fastify, a process a core (cluster),
// node:crypto's PBKDF2 on libuv's threads, better-sqlite3, HS256 by fast-jwt, nodemailer's pool.
// A commit is flushed before it is answered (WAL with synchronous=FULL), as one of Gatepost is.
// Arguments: port folder iterations relay_port (0: letters go nowhere) processes.
import cluster from 'node:cluster';
import { promisify } from 'node:util';
import { createHash, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import Fastify from 'fastify';
import { createSigner, createVerifier } from 'fast-jwt';
import { openDatabase } from './database.mjs';
import { openMail } from './mail.mjs';
import { schemas } from './schemas.mjs';

const [port, folder, iterations, relayPort, processes] =
  [process.argv[2], process.argv[3], ...process.argv.slice(4)].map((it, i) => (i === 1 ? it : Number(it)));
const KEY = 'a key for benches alone, of 32 bytes and more';
const DAY_MS = 86400000;

const derive = promisify(pbkdf2);
const newId = () => randomBytes(16).toString('hex');
const digest = (text) => createHash('sha256').update(text).digest();

async function hashPassword(password, salt, rounds) {
  return derive(password, salt, rounds, 32, 'sha256');
}

async function encodePassword(password) {
  const salt = randomBytes(16).toString('base64url');
  const hash = await hashPassword(password, salt, iterations);
  return `pbkdf2_sha256$${iterations}$${salt}$${hash.toString('base64')}`;
}

async function passwordIs(password, encoded) {
  const [, rounds, salt, hash] = encoded.split('$');
  const found = await hashPassword(password, salt, Number(rounds));
  return timingSafeEqual(found, Buffer.from(hash, 'base64'));
}

function makeTokens() {
  const signAccess = createSigner({ key: KEY, algorithm: 'HS256', expiresIn: DAY_MS / 24 });
  const signRefresh = createSigner({ key: KEY, algorithm: 'HS256', expiresIn: DAY_MS });
  const verify = createVerifier({ key: KEY, algorithms: ['HS256'] });
  return {
    pair(userId, jti) {
      return {
        refresh: signRefresh({ token_type: 'refresh', jti, user_id: String(userId) }),
        access: signAccess({ token_type: 'access', jti: newId(), user_id: String(userId) }),
      };
    },
    // The claims, or null.
    read(token, type) {
      try {
        const claims = verify(token);
        return claims.token_type === type ? claims : null;
      } catch {
        return null;
      }
    },
  };
}

function refuse(reply, status, body) {
  return reply.code(status).send(body);
}

function refuseToken(reply) {
  reply.header('WWW-Authenticate', 'Bearer realm="api"');
  return refuse(reply, 401, { detail: 'Token is invalid or expired', code: 'token_not_valid' });
}

// {field: [sentence]} of what the schema refused.
function fieldErrors(validation) {
  const errors = {};
  for (const one of validation) {
    const missing = one.keyword === 'required';
    const field = missing ? one.params.missingProperty : one.instancePath.slice(1) || 'non_field_errors';
    const sentence = missing ? 'This field is required.'
      : one.keyword === 'minLength' ? 'This field may not be blank.'
        : one.keyword === 'maxLength' ? `Ensure this field has no more than ${one.params.limit} characters.`
          : field === 'email' ? 'Enter a valid email address.' : 'Enter a valid value.';
    (errors[field] ??= []).push(sentence);
  }
  return errors;
}

function makeApp(database, mail, tokens) {
  const app = Fastify({ logger: false, ajv: { customOptions: { allErrors: true } } });
  app.setErrorHandler((error, request, reply) => (error.validation
    ? refuse(reply, 400, fieldErrors(error.validation))
    : refuse(reply, error.statusCode ?? 500, { detail: error.message })));
  app.setNotFoundHandler((request, reply) => refuse(reply, 404, { detail: 'Not found.' }));

  app.post('/api/auth/signup', { schema: schemas.signup }, async (request, reply) => {
    const { username, email, password } = request.body;
    const taken = database.taken(username, email);
    if (taken) return refuse(reply, 400, taken);
    const encoded = await encodePassword(password);
    const proof = randomBytes(32).toString('base64url');
    const raced = database.addUser(username, email, encoded, digest(proof), Date.now() + DAY_MS);
    if (raced) return refuse(reply, 400, raced);
    mail.send(username, email, proof);
    reply.code(201);
    return { message: 'User registered successfully' };
  });

  app.post('/api/auth/verify-email', { schema: schemas.verifyEmail }, async (request, reply) => (
    database.proveAddress(digest(request.body.token), Date.now())
      ? { message: 'Email verified successfully' }
      : refuse(reply, 400, { token: ['Invalid or expired token.'] })));

  app.post('/api/auth/login', { schema: schemas.login }, async (request, reply) => {
    const { username, password } = request.body;
    const user = database.userByName(username);
    // An unknown name costs as much as a wrong password.
    const right = user ? await passwordIs(password, user.password)
      : (await hashPassword(password, 'nobody', iterations), false);
    if (!right) {
      reply.header('WWW-Authenticate', 'Bearer realm="api"');
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
    const header = request.headers.authorization ?? '';
    if (!header.startsWith('Bearer ')) {
      reply.header('WWW-Authenticate', 'Bearer realm="api"');
      return refuse(reply, 401, { detail: 'Authentication credentials were not provided.' });
    }
    const claims = tokens.read(header.slice(7), 'access');
    const user = claims && database.userById(claims.user_id);
    return user || refuseToken(reply);
  });
  return app;
}

if (cluster.isPrimary && processes > 1) {
  openDatabase(folder).close();     // the tables are there before the first process asks
  for (let i = 0; i < processes; i++) cluster.fork();
  cluster.on('exit', () => process.exit(1));
  process.on('SIGTERM', () => {
    cluster.removeAllListeners('exit');
    for (const worker of Object.values(cluster.workers)) worker.kill();
    process.exit(0);
  });
} else {
  const app = makeApp(openDatabase(folder), openMail(relayPort), makeTokens());
  await app.listen({ host: '127.0.0.1', port });
}
