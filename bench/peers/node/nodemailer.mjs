// Letters a second by nodemailer's pooled transport, each of so many bytes, on kept connections.
// Arguments: port connections letters bytes. Prints one JSON object.
import net from 'node:net';
import nodemailer from 'nodemailer';

const [port, connections, letters, bytes] = process.argv.slice(2).map(Number);
const transport = nodemailer.createTransport({
  host: '127.0.0.1', port, secure: false, ignoreTLS: true,
  pool: true, maxConnections: connections, maxMessages: Infinity,
  // Without it each letter waits 40 ms for a delayed acknowledgement.
  getSocket(options, callback) {
    const socket = net.connect({ host: '127.0.0.1', port, noDelay: true });
    socket.once('connect', () => callback(null, { connection: socket }));
    socket.once('error', callback);
  },
});
// Text and HTML, as our letters have; the rest of the size is lines of text.
const text = ('x'.repeat(74) + '\n').repeat(Math.max(1, Math.round((bytes - 900) / 2 / 75)));
const html = '<p>' + text + '</p>';
let done = 0, failed = 0, started = 0;

async function sendInTurn() {
  while (started < letters) {
    const number = started++;
    try {
      await transport.sendMail({
        from: 'gatepost@localhost', to: `person${number}@example.com`,
        subject: 'Confirm your e-mail address', text, html,
      });
      done++;
    } catch {
      failed++;
    }
  }
}

const began = process.hrtime.bigint();
await Promise.all(Array.from({ length: 4 * connections }, sendInTurn));
const seconds = Number(process.hrtime.bigint() - began) / 1e9;
const used = process.cpuUsage();
transport.close();
console.log(JSON.stringify({
  letters_per_second: Math.round(done / seconds),
  cpu_us_per_letter: (used.user + used.system) / letters, failed,
}));
