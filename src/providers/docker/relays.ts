import { FIND_PROGRAMS } from './scripts.ts';

const PYTHON = `
import os, socket, sys, threading
try:
    peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10)
except OSError:
    os.write(1, b"refused\\n"); os._exit(0)
peer.settimeout(None)
os.write(1, b"ok %d\\n" % os.getpid())
def send():
    while True:
        data = os.read(0, 65536)
        if not data: break
        peer.sendall(data)
    try: peer.shutdown(socket.SHUT_WR)
    except OSError: pass
threading.Thread(target=send, daemon=True).start()
while True:
    try: data = peer.recv(65536)
    except OSError: break
    if not data: break
    while data: data = data[os.write(1, data):]
os._exit(0)`;

const PERL = `
use strict; use IO::Socket::INET; use IO::Select;
my $peer = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $ARGV[0], Timeout => 10);
syswrite(STDOUT, $peer ? "ok $$\\n" : "refused\\n"); exit 0 unless $peer;
sub pass { my ($to, $data) = @_; while (length $data) { my $n = syswrite($to, $data); exit 0 unless $n; substr($data, 0, $n) = ""; } }
my $in = IO::Select->new($peer, \\*STDIN);
while (1) {
  for my $from ($in->can_read) {
    my $n = sysread($from, my $data, 65536);
    if ($from == $peer) { exit 0 unless $n; pass(\\*STDOUT, $data); }
    elsif ($n) { pass($peer, $data); }
    else { $in->remove($from); shutdown($peer, 1); }
  }
}`;

/** bash cannot close one direction of a connection: a server that waits for the end of its input waits on. */
const BASH = `
exec 3<>"/dev/tcp/127.0.0.1/$1" 2>/dev/null || { echo refused; exit; }
echo "ok $$"
cat <&3 3>&- & cat >&3 3<&- 2>/dev/null; wait`;

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** `relay PORT`: prints `ok PID` when connected, then copies both ways; `refused` when nothing listens, `none` when the image has no program for it. */
export const relays = `
${FIND_PROGRAMS}
has() { command -v "$1" >/dev/null 2>&1; }
if has python3; then exec python3 -c ${quoted(PYTHON)} "$1"; fi
if has perl && perl -MIO::Socket::INET -e 1 2>/dev/null; then exec perl -e ${quoted(PERL)} "$1"; fi
if has bash; then exec bash -c ${quoted(BASH)} relay "$1"; fi
echo none`;
