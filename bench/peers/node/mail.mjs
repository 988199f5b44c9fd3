// Letters by nodemailer's pool. They wait in memory: what is not sent when the process dies is lost.
import net from 'node:net';
import nodemailer from 'nodemailer';

function textOf(username, link) {
  return `Hello ${username},\n\nplease confirm your e-mail address:\n\n${link}\n\n`
    + 'The link is good for a day. If you did not sign up, nothing more happens.\n';
}

function htmlOf(username, link) {
  return `<p>Hello ${username},</p><p>please confirm your e-mail address:</p>`
    + `<p><a href="${link}">Confirm</a></p>`
    + '<p>The link is good for a day. If you did not sign up, nothing more happens.</p>';
}

// port: 0: they go nowhere.
export function openMail(port) {
  if (!port) return { send() {} };
  const transport = nodemailer.createTransport({
    host: '127.0.0.1', port, secure: false, ignoreTLS: true, pool: true, maxMessages: Infinity,
    // Without it each letter waits 40 ms for a delayed acknowledgement.
    getSocket(options, callback) {
      const socket = net.connect({ host: '127.0.0.1', port, noDelay: true });
      socket.once('connect', () => callback(null, { connection: socket }));
      socket.once('error', callback);
    },
  });
  return {
    send(username, email, token) {
      const link = `http://localhost:8000/verify-email?token=${token}`;
      transport.sendMail({
        from: 'gatepost@localhost', to: email, subject: 'Confirm your e-mail address',
        text: textOf(username, link), html: htmlOf(username, link),
      }).catch(() => {});   // a letter that fails is not tried again
    },
  };
}
