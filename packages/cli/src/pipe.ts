/** What a bare `-` among the arguments becomes: yargs leaves it out of a command's list of inputs. */
export const PIPE = "/dev/stdin";
