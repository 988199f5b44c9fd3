// Checks tokens as a Node service would: jose with a remote key set.
//   node jose.mjs JWKS_URL ALGORITHM < tokens, one a line
// Prints for each "ok SUBJECT" or "refused CODE". JOSE_DIR: where the package is installed.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const { resolve } = createRequire(`${process.env.JOSE_DIR}/package.json`);
const { createRemoteJWKSet, jwtVerify } = await import(pathToFileURL(resolve("jose")).href);

const [url, algorithm] = process.argv.slice(2);
const keys = createRemoteJWKSet(new URL(url), { cacheMaxAge: 1000, cooldownDuration: 0 });

for await (const token of createInterface({ input: process.stdin })) {
    try {
        const { payload } = await jwtVerify(token, keys, { algorithms: [algorithm] });
        console.log(`ok ${payload.user_id}`);
    } catch (error) {
        console.log(`refused ${error.code}`);
    }
}
