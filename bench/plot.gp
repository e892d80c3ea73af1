# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# gnuplot -e "data='...'; picture='...'" plot.gp
set terminal svg size 720,420 font "sans-serif,13" background "white"
set output picture
set datafile missing "?"
set title "Patching a kernel's call sites: time for each site"
set xlabel "call sites"
set ylabel "ns per site"
set logscale x
set format x "%.0f"
set xrange [700:1500000]
set yrange [0:*]
set grid ytics lc rgb "#dddddd"
set key bottom right
set style data linespoints
plot data using 1:4 title "LLVM XRay, patching as many sleds" lw 2 pt 5 lc rgb "#c05020", \
     data using 1:2 title "vrom, plan and commit, every check" lw 3 pt 7 lc rgb "#205080", \
     data using 1:3 title "memcpy of the same bytes (floor)" lw 2 pt 9 lc rgb "#808080"
