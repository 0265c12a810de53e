import { exits } from './shell.ts';

/**
 * POSIX shell, $1 and $2 are absolute paths. `stat -c` and `find -exec {} +` are the same in GNU's tools and in busybox; a record begins
 * with two slashes, which no normalised path holds, so that a name may hold anything.
 */
const there = (path: string): string => `{ [ -e "${path}" ] || [ -L "${path}" ]; }`;
const need = (path: string): string => `${there(path)} || exit ${exits.missing};`;
const FORMAT = "'//%f %s %Y %n'";
/** Then the targets of symbolic links: path and target, each closed by a NUL. */
const LINKS =
  'for link; do printf "%s\\0" "$link"; target=$(readlink "$link"; echo .); printf "%s\\0" "$target"; done';
const record = (path: string): string =>
  `stat -c ${FORMAT} "${path}" || exit 1; printf '\\0'; if [ -L "${path}" ]; then set -- "${path}"; ${LINKS}; fi; exit 0`;
const parent = 'mkdir -p "$(dirname "$1")" || exit 1;';

export const scripts = {
  stat: `${need('$1')} ${record('$1')}`,
  /** $2: how many lines at most, $3: `-maxdepth 1` or nothing. */
  list: `${need('$1')} [ -d "$1" ] || exit ${exits.wrongType};
folder=$1; [ -L "$folder" ] && folder=$1/.
find "$folder" -mindepth 1 $3 -exec stat -c ${FORMAT} {} + 2>/dev/null | head -n "$2"; printf '\\0'
find "$folder" -mindepth 1 $3 -type l -exec sh -c '${LINKS}' sh {} + 2>/dev/null | head -n "$2"; exit 0`,
  sha256: `${need('$1')} [ -f "$1" ] || exit ${exits.wrongType}; sha256sum < "$1"`,
  /** $2: recursive or empty, $3: permissions or empty. */
  makeDirectory: `if [ -n "$2" ]; then [ -e "$1" ] && ! [ -d "$1" ] && exit ${exits.exists}; mkdir -p "$1" || exit 1
else ${there('$1')} && exit ${exits.exists}; [ -d "$(dirname "$1")" ] || exit ${exits.missing}; mkdir "$1" || exit 1; fi
[ -z "$3" ] || chmod "$3" "$1" || exit 1; ${record('$1')}`,
  /** To $1 from $2. `mv -n` is the kernel's own refusal to replace; what it left behind was refused. */
  move: `${need('$2')} ${parent} mv -nT "$2" "$1" 2>/dev/null; ${there('$2')} && { ${there('$1')} && exit ${exits.exists}; mv -T "$2" "$1" || exit 1; }; ${record('$1')}`,
  moveOver: `${need('$2')} ${parent} mv -fT "$2" "$1" || exit 1; ${record('$1')}`,
  /** To $1 from $2 by way of $3, so that it is there whole or not at all. */
  copy: `${need('$2')} ${there('$1')} && exit ${exits.exists}; ${parent} cp -RP "$2" "$3" || { rm -rf "$3"; exit 1; }
mv -nT "$3" "$1"; ${there('$3')} && { rm -rf "$3"; exit ${exits.exists}; }; ${record('$1')}`,
  copyOver: `${need('$2')} ${parent} if [ -d "$2" ] && [ -d "$1" ]; then cp -RPT "$2" "$1" || exit 1
else cp -RP "$2" "$3" && mv -fT "$3" "$1" || { rm -rf "$3"; exit 1; }; fi; ${record('$1')}`,
  /** $2: recursive or empty. */
  remove: `${need('$1')} if [ -d "$1" ] && ! [ -L "$1" ]; then
if [ -n "$2" ]; then rm -rf "$1"; else [ -z "$(find "$1" -mindepth 1 -maxdepth 1 | head -n 1)" ] || exit ${exits.notEmpty}; rmdir "$1"; fi
else rm -f "$1"; fi`,
  /** $2: bytes to skip, plus one; $3: bytes at most. */
  read: `${need('$1')} [ -f "$1" ] || exit ${exits.wrongType}; tail -c +"$2" "$1" | head -c "$3"`,
  /** Where $1 leads to, and that it may be written; its folder is there afterwards. */
  prepare: `${parent} target=$(readlink -f "$1" && echo .) || target=$1xx; target=\${target%??}
[ -d "$target" ] && exit ${exits.wrongType}; [ -e "$target" ] && ! [ -f "$target" ] && exit ${exits.wrongType}
mkdir -p "$(dirname "$target")" || exit 1; printf %s "$target"`,
  /** From base64 in $2 to the end of $1. */
  decode: 'base64 -d < "$2" >> "$1" || exit 1; rm -f "$2"',
  /** $1 becomes what $2 holds; $3: permissions or empty. */
  finish: `mode=$3; [ -n "$mode" ] || { [ -e "$1" ] && mode=$(stat -c %a "$1"); }
chmod "\${mode:-644}" "$2" && mv -fT "$2" "$1" || exit 1; ${record('$1')}`,
  append: `cat "$2" >> "$1" || exit 1; rm -f "$2"; [ -z "$3" ] || chmod "$3" "$1" || exit 1; ${record('$1')}`,
  clean: 'rm -f "$1" "$2"',
} as const;
