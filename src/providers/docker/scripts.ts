/** Programs in POSIX shell, which every image has that can be a sandbox. Values are passed as arguments and never become part of the text. */

import { STANDARD_PATH } from '../../lib/standard-path.ts';

/** Before each script that starts programs: the caller chose the PATH of the container. */
export const FIND_PROGRAMS = `PATH=${STANDARD_PATH}:$PATH`;

/** Of every process; a killer finds by it also those that left the process group. */
export const PROCESS_ID = 'SANDBANK_PROCESS_ID';
export const HOME = '/home/user';
/** For what we keep inside; the user of the sandbox owns it, so that nothing read from it is trusted. */
export const RUN = '/run/sandbank';

/**
 * The first process: `init SECONDS`. It reaps what loses its parent, which a shell does while it waits, and ends with the lifetime of the sandbox
 * also when no server is left to end it. The deadline is counted in seconds since the machine started: no program is needed to read those, and
 * nobody sets that clock. SIGUSR1: the deadline was moved. SIGUSR2: everything else is killed. For that nothing is started: there may be no room
 * for another process, and a shell that cannot start one ends. All are stopped at once, so that what multiplies cannot get away.
 */
export const INIT = `
${FIND_PROGRAMS}
uptime() { read -r up rest < /proc/uptime; up=\${up%%.*}; }
kill_all() {
  kill -s STOP -1
  for one in /proc/[0-9]*; do
    case \${one#/proc/} in 1|"$clock") ;; *) kill -s KILL "\${one#/proc/}" 2>/dev/null ;; esac
  done
  kill -s CONT "$clock"
  again=yes
}
trap : USR1
trap kill_all USR2
trap 'exit 0' TERM
uptime
end=$((up + $1))
while :; do
  moved=
  [ -r ${RUN}/deadline ] && read -r moved < ${RUN}/deadline
  case $moved in ''|*[!0-9]*|????????????*) ;; *) end=$moved ;; esac
  uptime
  left=$((end - up))
  [ "$left" -gt 0 ] || exit 0
  sleep "$left" &
  clock=$!
  again=yes
  while [ "$again" ]; do again=; wait "$clock"; done
  kill "$clock" 2>/dev/null
done`;

/** `extend SECONDS`: the sandbox ends that long from now. Prints `done`. */
export const EXTEND = `
${FIND_PROGRAMS}
read -r up rest < /proc/uptime
echo "$((\${up%%.*} + $1))" > ${RUN}/deadline.new && mv -f ${RUN}/deadline.new ${RUN}/deadline && kill -s USR1 1 && echo done`;

/**
 * `run ID CWD STDIN ROWS COLS ARGV…`: prints `pid PID`, or why not, and becomes the program: the engine sees how it ends. The file that bears
 * the id is made by whoever comes first.
 */
export const RUN_PROCESS = `
id=$1 cwd=$2 stdin=$3 rows=$4 cols=$5
shift 5
cd ${HOME} 2>/dev/null || cd /
cd -- "$cwd" 2>/dev/null || { echo cwd; exit 0; }
set -C
if ! { true > "${RUN}/$id"; } 2>/dev/null && [ -e "${RUN}/$id" ]; then echo again; exit 0; fi
set +C
[ "$rows" = 0 ] || PATH=${STANDARD_PATH} stty rows "$rows" cols "$cols" 2>/dev/null
echo "pid $$"
[ "$stdin" = yes ] || exec < /dev/null
command -v -- "$1" >/dev/null 2>&1 || { printf '%s: command not found\\n' "$1" >&2; exit 127; }
exec "$@"`;

/** `signal PID NAME`: signals the process group of that process. Prints `done` or `gone`. */
export const SIGNAL_GROUP = `kill -s "$2" -- "-$1" 2>/dev/null && echo done || echo gone`;

/**
 * `kill PID ID`: kills the session of that process, everything that descends from it and everything that bears the id, until none is left: what
 * forks faster than one look must lose against many. Prints `done` or `left`.
 */
export const KILL_TREE = `
${FIND_PROGRAMS}
root=$1 mark=${PROCESS_ID}=$2
round=0
while [ "$round" -lt 50 ]; do
  round=$((round + 1))
  found=' '
  for file in $(grep -lsF -- "$mark" /proc/[0-9]*/environ 2>/dev/null); do
    pid=\${file#/proc/}
    found="$found\${pid%/environ} "
  done
  grew=yes
  while [ "$grew" ]; do
    grew=
    for file in /proc/[0-9]*/stat; do
      line=
      read -r line 2>/dev/null < "$file" || continue
      pid=\${line%% *}
      case $found in *" $pid "*) continue ;; esac
      set -f; set -- \${line##*) }; set +f
      case $1 in Z|X) continue ;; esac
      case " $root $found" in *" $2 "*) found="$found$pid " grew=yes ;; *) [ "$4" != "$root" ] || { found="$found$pid "; grew=yes; } ;; esac
    done
  done
  alive=
  for pid in $found; do
    [ "$pid" -le 1 ] || [ "$pid" = $$ ] || { kill -s KILL "$pid" 2>/dev/null && alive=yes; }
  done
  [ "$alive" ] || { echo done; exit; }
done
echo left`;

/** `alive PID`: prints `alive` or `gone`. */
export const IS_ALIVE = `[ -d "/proc/$1" ] && echo alive || echo gone`;

/** How often the kernel killed for want of memory, by either version of control groups. */
export const OOM_KILLS = `
${FIND_PROGRAMS}
cat /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control 2>/dev/null`;

export const LISTENING = `${FIND_PROGRAMS}
cat /proc/net/tcp /proc/net/tcp6 2>/dev/null`;
