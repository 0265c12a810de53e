/** Where images keep their programs. The caller of a sandbox chooses its PATH, so scripts of ours look here first. */
export const STANDARD_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
