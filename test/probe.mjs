// What this machine can do, asked of the machine itself. `node test/probe.mjs` prints the table.
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const succeeds = (command, ...args) =>
  spawnSync(command, args, { stdio: "ignore", timeout: 60_000 }).status === 0;

function usable(path) {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Free space in the temporary folder. */
export const freeGigabytes = () => {
  const { bavail, bsize } = statfsSync(process.env.TMPDIR ?? tmpdir());
  return (bavail * bsize) / 1e9;
};

/** Being root isn't enough: a container may lack the right, or /run/netns. */
function makesNamespaces() {
  const name = `evbprobe${process.pid}`;
  const made = succeeds("ip", "netns", "add", name);
  const works =
    made &&
    succeeds("nsenter", `--net=/run/netns/${name}`, "nft", "add", "table", "ip", "evbprobe");
  if (made) succeeds("ip", "netns", "del", name);
  return works;
}

/** Being root isn't enough for this either. */
function mounts() {
  const folder = mkdtempSync(join(process.env.TMPDIR ?? tmpdir(), "evb-probe-"));
  const works = succeeds("mount", "-t", "tmpfs", "-o", "size=1m", "none", folder);
  if (works) succeeds("umount", folder);
  rmSync(folder, { recursive: true, force: true });
  return works;
}

const PROBES = {
  h5py: [
    "python3-h5py reads and writes HDF5",
    () => succeeds("/usr/bin/python3", "-c", "import h5py"),
  ],
  hdf5tools: [
    "h5dump and h5ls",
    () => succeeds("h5dump", "--version") && succeeds("h5ls", "--version"),
  ],
  mpi: [
    "mpirun with mpi4py",
    () => succeeds("mpirun", "--version") && succeeds("/usr/bin/python3", "-c", "import mpi4py"),
  ],
  compose: [
    "docker compose checks its file",
    () => succeeds("docker", "compose", "version") || succeeds("docker-compose", "version"),
  ],
  docker: [
    "a docker engine of the tests' own (root, dockerd, iptables, docker compose 2)",
    () => succeeds(fileURLToPath(new URL("support/docker-engine", import.meta.url)), "try"),
  ],
  node22: [
    "Node.js 22 from the npm registry",
    () => succeeds("npx", "--yes", "-p", "node@22", "node", "--version"),
  ],
  node24: [
    "Node.js 24 from the npm registry",
    () => succeeds("npx", "--yes", "-p", "node@24", "node", "--version"),
  ],
  root: ["root", () => process.getuid?.() === 0],
  namespaces: [
    "network namespaces (root, ip of iproute2, nft of nftables)",
    () => succeeds("nft", "--version") && makesNamespaces(),
  ],
  slurm: [
    "Slurm's daemons (slurmctld, slurmd, slurm-client, munge), root, network namespaces, /sys/fs/cgroup",
    () =>
      ["slurmctld", "slurmd", "munged"].every((name) => succeeds(name, "-V")) &&
      existsSync("/usr/bin/sbatch") &&
      existsSync("/sys/fs/cgroup") &&
      succeeds("unshare", "--uts", "true") &&
      makesNamespaces(),
  ],
  mounts: ["a small disk in memory (root, mount)", mounts],
  tun: [
    "a switch in a program (root, network namespaces, /dev/net/tun, python3)",
    () =>
      usable("/dev/net/tun") &&
      succeeds("/usr/bin/python3", "-c", "import fcntl") &&
      makesNamespaces(),
  ],
  browser: [
    "a browser",
    () => ["/usr/bin/chromium", "/usr/bin/chromium-browser"].some((path) => existsSync(path)),
  ],
  disk: ["20 GB free for large files", () => freeGigabytes() > 20],
};

/** name → {can, what} */
export function probe() {
  return Object.fromEntries(
    Object.entries(PROBES).map(([name, [what, ask]]) => [name, { can: ask(), what }]),
  );
}

export const table = (capabilities) =>
  Object.entries(capabilities)
    .map(([name, { can, what }]) => `  ${can ? "yes" : "no "}  ${name.padEnd(10)} ${what}`)
    .join("\n");

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(table(probe()));
