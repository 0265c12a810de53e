import { FIND_PROGRAMS, HOME } from './scripts.ts';

/** `$1` becomes `$f`, which no program takes for an option; a relative path begins at the home. */
const PATH = `
${FIND_PROGRAMS}
cd ${HOME} 2>/dev/null || cd /
case $1 in /*) f=$1 ;; *) f=./$1 ;; esac`;

/** `read PATH OFFSET LENGTH`: prints `ok` and the bytes, or why not. A length of -1 is to the end. */
export const READ = `${PATH}
if [ ! -e "$f" ]; then
  [ -L "$f" ] && { echo missing; exit; }
  d=\${f%/*}
  while [ "$d" ] && [ ! -e "$d" ]; do d=\${d%/*}; done
  [ -z "$d" ] || [ -d "$d" ] || { echo notdir; exit; }
  [ -z "$d" ] || [ -x "$d" ] || { echo denied; exit; }
  echo missing; exit
fi
[ -f "$f" ] || { echo notfile; exit; }
[ -r "$f" ] || { echo denied; exit; }
echo ok
if [ "$2" = 0 ] && [ "$3" = -1 ]; then exec cat < "$f"; fi
[ "$3" != 0 ] || exit 0
if [ "$3" = -1 ]; then exec tail -c "+$(($2 + 1))" < "$f"; fi
tail -c "+$(($2 + 1))" < "$f" | head -c "$3"`;

/**
 * `write PATH MODE PERMISSIONS IFMATCH`: prints `ready`, then reads blocks, each after a line with its length, to a file beside the target, which
 * becomes the target at the word `commit` and at nothing else: a server that dies ends its input like one that has finished. Prints `done` or why not.
 * A dash stands for no permissions and no condition.
 */
export const WRITE = `${PATH}
umask 022
if [ -L "$f" ]; then f=$(readlink -f -- "$f") || { echo notfile; exit; }; fi
if [ -e "$f" ]; then
  [ -f "$f" ] || { echo notfile; exit; }
  [ "$2" != create ] || { echo exists; exit; }
fi
d=\${f%/*}; [ "$d" ] || d=/
p=$d
while [ "$p" ] && [ ! -e "$p" ]; do p=\${p%/*}; done
[ -z "$p" ] || [ -d "$p" ] || { echo notdir; exit; }
mkdir -p -- "$d" 2>/dev/null || { echo denied; exit; }
t=$d/.sandbank-$$.part
trap 'rm -f -- "$t"' EXIT
{ true > "$t"; } 2>/dev/null || { [ -w "$d" ] && echo full || echo denied; exit; }
if [ "$2" = append ]; then { true >> "$f"; } 2>/dev/null || { echo denied; exit; }; fi
echo ready
while IFS= read -r n; do
  case $n in
    commit) n=yes; break ;;
    *[!0-9]*|'') exit ;;
  esac
  dd bs="$n" count=1 iflag=fullblock >> "$t" 2>/dev/null || { echo full; exit; }
done
[ "$n" = yes ] || exit
if [ "$4" != - ]; then
  [ -f "$f" ] || { echo changed; exit; }
  h=$(sha256sum < "$f") && [ "\${h%% *}" = "$4" ] || { echo changed; exit; }
fi
case $3 in
  -) [ ! -e "$f" ] || { m=$(stat -c %a -- "$f") && chmod "$m" "$t"; } ;;
  *) chmod "$3" "$t" ;;
esac
case $2 in
  create) ln -- "$t" "$f" 2>/dev/null || { echo exists; exit; } ;;
  append) cat "$t" >> "$f" || { echo full; exit; }; [ "$3" = - ] || chmod "$3" "$f" ;;
  *) mv -f -- "$t" "$f" 2>/dev/null || { echo denied; exit; } ;;
esac
echo done`;
