// One of many processes that want a lock. Says when it is ready, and once stdin says go, whether it got the lock; then
// waits for the end of stdin, so that who got it lives.
import { CoordinatorLock, holderOf } from "@evb/launch";

const [path] = process.argv.slice(2);
const gone = holderOf(path);
process.stdin.once("data", () => {
  const lock = CoordinatorLock.take(path, "job", gone);
  process.stdout.write(lock === undefined ? "lost\n" : "won\n");
});
process.stdout.write("ready\n");
