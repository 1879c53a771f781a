export { Selection, type LabelColumn } from "./selection.ts";
