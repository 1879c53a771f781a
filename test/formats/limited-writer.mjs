// Writes 32 MB of a column, slab by slab, and says on stdout how that ended. `ulimit -f` ends it early.
import { Hdf5Writer, loadHdf5 } from "@evb/formats";

const hdf5 = await loadHdf5();
const writer = new Hdf5Writer(hdf5, process.argv[2]);
try {
  const column = writer.column("/x", "u8", 4e6);
  for (let row = 0; row < 4e6; row += 1e6) column.write(row, new BigUint64Array(1e6));
  writer.close();
  console.log("written");
} catch (thrown) {
  console.log(
    JSON.stringify({ tag: thrown.tag, exitCode: thrown.exitCode, message: thrown.message }),
  );
}
