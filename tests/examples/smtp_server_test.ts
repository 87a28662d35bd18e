import { assertEquals, assertMatch } from "../support/assert.ts";
import { peerTest } from "../support/peers.ts";
import { ROOT, startDeno } from "../support/process.ts";
import { runPython } from "../support/python.ts";
import { TLS_FIXTURES } from "../transports/tls_support.ts";

peerTest(
  "smtp_server.ts takes mail from Python's smtplib over STARTTLS, and none without",
  ["python3"],
  async () => {
    await using server = await startDeno(new URL("examples/smtp_server.ts", ROOT), {
      flags: ["--allow-net=127.0.0.1", `--allow-read=${TLS_FIXTURES}`],
      args: [`${TLS_FIXTURES}server.pem`, `${TLS_FIXTURES}server.key`, "0"],
    });
    const port = (await server.readLine())?.split(":").at(-1) as string;
    const { code, stdout, stderr } = await runPython(
      `
      import smtplib, socket, ssl, sys
      from email.message import EmailMessage
      port = int(sys.argv[1])
      message = EmailMessage()
      message["Subject"] = "across"
      message["From"], message["To"] = "one@a.test", "two@b.test, three@b.test"
      message.set_content("first\\n.a line with a dot\\n.\\nlast\\n" + "x" * 70 + "\\n" * 1000)

      with smtplib.SMTP("127.0.0.1", port) as client:
          client.ehlo("client.test")
          print(client.has_extn("starttls"), client.noop()[0])
          try: client.send_message(message)
          except smtplib.SMTPSenderRefused as error: print(error.smtp_code, error.smtp_error)

      class Client(smtplib.SMTP):
          def _get_socket(self, host, port, timeout):
              return super()._get_socket("127.0.0.1", port, timeout)
      with Client("localhost", port) as client:
          context = ssl.create_default_context(cafile="ca.pem")
          print(client.starttls(context=context)[0], client.sock.version())
          print(client.has_extn("starttls"))
          client.ehlo("client.test")
          print(client.has_extn("starttls"), client.docmd("STARTTLS")[0], client.docmd("WHAT")[0])
          print(client.send_message(message))
          print(client.docmd("DATA")[0], client.rset()[0])
          print(client.sendmail("one@a.test", ["four@b.test"], b"Subject: again\\r\\n\\r\\nshort"))

      # What somebody on the way adds to the plaintext is not taken for a part of the dialogue over TLS.
      with socket.create_connection(("127.0.0.1", port)) as plain:
          lines = plain.makefile("rb")
          print(lines.readline()[:3])
          plain.sendall(b"STARTTLS\\r\\nMAIL FROM:<evil@a.test>\\r\\n")
          print(lines.readline()[:3])
          rest = lines.read()
          print(rest == b"" or rest[0] == 21)
      `,
      { args: [port], cwd: TLS_FIXTURES },
    );
    assertEquals([code, stderr], [0, ""]);
    assertEquals(stdout.trim().split("\n"), [
      "True 250",
      "530 b'Must issue a STARTTLS command first'",
      "220 TLSv1.3",
      "False",
      "False 503 500",
      "{}",
      "503 250",
      "{}",
      "b'220'",
      "b'220'",
      "True",
    ]);
    const [first, second, lost] = [
      await server.readLine(),
      await server.readLine(),
      await server.readLine(),
    ];
    const mail = JSON.parse(first as string);
    assertEquals([mail.from, mail.to, mail.subject, mail.version], [
      "one@a.test",
      ["two@b.test", "three@b.test"],
      "across",
      "TLSv1.3",
    ]);
    assertEquals([JSON.parse(second as string).to, JSON.parse(second as string).lines], [
      ["four@b.test"],
      3,
    ]);
    assertMatch(lost as string, /^a client was lost: TLS handshake with client failed/);
    server.kill("SIGINT");
    const end = await server.wait();
    assertEquals([end.code, end.stdout.trim(), end.stderr], [0, "interrupted, closed", ""]);
  },
);
