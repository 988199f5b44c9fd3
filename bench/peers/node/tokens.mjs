// simplejwt's tokens: HS256, signed and checked by fast-jwt.
import { randomBytes } from 'node:crypto';
import { createSigner, createVerifier } from 'fast-jwt';

const HOUR_MS = 3600000;

export const newId = () => randomBytes(16).toString('hex');

export function makeTokens(key) {
  const signAccess = createSigner({ key, algorithm: 'HS256', expiresIn: HOUR_MS });
  const signRefresh = createSigner({ key, algorithm: 'HS256', expiresIn: 24 * HOUR_MS });
  const verify = createVerifier({ key, algorithms: ['HS256'] });
  return {
    pair: (userId, jti) => ({
      refresh: signRefresh({ token_type: 'refresh', jti, user_id: String(userId) }),
      access: signAccess({ token_type: 'access', jti: newId(), user_id: String(userId) }),
    }),
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
