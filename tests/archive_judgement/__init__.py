"""python -m tests.archive_judgement [--hours 24] [--only WORD] [--recorded DIR] [--seed N]: one archive, every way.

It makes an archive of that many hours in mixed formats, with digits, Morse and selective calls of which it is known
what sounds when, some of it recorded (the prompts of Debian's asterisk-core-sounds-en-wav, where they are; and what DIR
has); one recording is cut short, one damaged, one is none, and one kills whoever opens it (planted/ has the reader that
dies of it). Then it is scanned at default granularity by `streamer scan`, on two workers:

    serial                   -j 1
    pool                     -j 2
    local cluster            an executor of Dask's LocalCluster
    cluster                  a Dask scheduler and two workers that were started by themselves
    pool, workers killed     one of them every 5 s
    cluster, workers killed  likewise
    pool, driver killed      twice, and the same command again
    cluster, driver killed   likewise, on the same cluster
    scheduler killed         twice: the scan ends with 75, and the same command goes on on a new cluster

Everything known must be heard (and nothing else, in what no codec has harmed), every failure named, and every way leave
the same events and the same store to the bit. The 24 hours take about ten minutes of two processors. Exit code 1 if
anything is not so.
"""
