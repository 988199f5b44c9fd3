// Django's form of PBKDF2, on libuv's threads: the event loop goes on meanwhile.
import { promisify } from 'node:util';
import { pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';

const derive = promisify(pbkdf2);
const hash = (password, salt, iterations) => derive(password, salt, iterations, 32, 'sha256');

export function makePasswords(iterations) {
  return {
    async encode(password) {
      const salt = randomBytes(16).toString('base64url');
      const found = await hash(password, salt, iterations);
      return `pbkdf2_sha256$${iterations}$${salt}$${found.toString('base64')}`;
    },
    // encoded: undefined: there is no such user, which costs as much as a wrong password.
    async matches(password, encoded) {
      const [, rounds, salt, wanted] = (encoded ?? `$${iterations}$nobody$`).split('$');
      const found = await hash(password, salt, Number(rounds));
      return encoded !== undefined && timingSafeEqual(found, Buffer.from(wanted, 'base64'));
    },
  };
}
