# Answers with the row of a table that lies nearest to some settings, as JSON:
#
#   awk -f nearest.awk C=10 gamma=0.001 tol=0.01 table.csv
#
# Settings are positive numbers; distances are taken on logarithmic scales, each column's whole range being 1. The last
# column is the answer. Of equally near rows the first one counts.
BEGIN {
  FS = ","
  for (i = 1; i < ARGC; i++) if (split(ARGV[i], part, "=") == 2) { wanted[part[1]] = part[2]; ARGV[i] = "" }
}
NR == 1 {
  for (i = 1; i < NF; i++) {
    if (!($i in wanted) || wanted[$i] + 0 <= 0) { print "no positive value for " $i > "/dev/stderr"; failed = 1; exit 1 }
    at[i] = log(wanted[$i])
  }
  last = NF; name = $NF
  next
}
{
  for (i = 1; i < last; i++) {
    x = log($i); cell[NR, i] = x
    if (NR == 2 || x < low[i]) low[i] = x
    if (NR == 2 || x > high[i]) high[i] = x
  }
  answer[NR] = $last
}
END {
  if (failed) exit 1
  for (row = 2; row <= NR; row++) {
    distance = 0
    for (i = 1; i < last; i++) { d = (cell[row, i] - at[i]) / (high[i] - low[i]); distance += d * d }
    if (row == 2 || distance < least) { least = distance; nearest = row }
  }
  printf "{\"%s\": %s}\n", name, answer[nearest]
}
