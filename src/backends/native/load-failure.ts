/** Reasons in the words of the dynamic linkers of Linux and macOS and of Node, and what to do about each. */
const FIXES: readonly (readonly [RegExp, string])[] = [
  [/\bnapi_\w+|node_api_/, 'this Node is too old for it: use Node 20.19 or newer'],
  [/NODE_MODULE_VERSION|different Node\.js version/, 'it is for another Node: `hence doctor --fix` compiles it for this one'],
  [/GLIBC|GLIBCXX|CXXABI|musl/, 'it is for another C library: `hence doctor --fix` compiles it for this one'],
  [
    /invalid ELF header|wrong ELF class|file too short|not a mach-o|incompatible architecture|slice is not valid|cannot open shared object/i,
    'it is damaged or for another machine: `hence doctor --fix` compiles it for this one',
  ],
  [
    /failed to map segment|operation not permitted|permission denied|not valid for use in process/i,
    'the system refuses to run it: check the permissions of the file, and that its disk is not mounted noexec',
  ],
  [/is of version/, 'install the package of this platform again with Hence: npm install hence'],
]

/**
 * What would make the native backend available.
 *
 * @param failures - why each candidate was not used
 * @param isChosen - the only candidate is the one that `HENCE_NATIVE` names
 */
export function fixOfLoadFailures(failures: readonly string[], isChosen: boolean): string {
  const known = failures.flatMap(failure => FIXES.filter(([pattern]) => pattern.test(failure)).map(([, fix]) => fix))[0]
  if (isChosen) return `correct or unset HENCE_NATIVE${known ? ` (${known})` : ''}`
  return known ?? '`hence doctor --fix` compiles it on this machine; it needs a C++ compiler'
}
