// Argon2 by an implementation that is not libargon2: prints {"id 19 32 1 2 PASSWORD": HASH}, hashes in
// base64. make_vectors.py runs it where `npm install @noble/hashes` was done.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(process.cwd() + "/");
const { argon2d, argon2i, argon2id } =
    await import(pathToFileURL(require.resolve("@noble/hashes/argon2.js")));
const variants = { d: argon2d, i: argon2i, id: argon2id };
const answers = {};
for (const key of JSON.parse(process.argv[2])) {
    const [variant, version, m, t, p, bytes, salt, password] = key;
    const hash = variants[variant](Buffer.from(password), Buffer.from(salt),
                                   { m, t, p, version, dkLen: bytes });
    answers[JSON.stringify(key)] = Buffer.from(hash).toString("base64");
}
console.log(JSON.stringify(answers));
