"""For `--executor`: a Dask cluster that the scan itself starts."""

from __future__ import annotations

from concurrent.futures import Executor


def local_cluster(jobs: int) -> Executor:
    from distributed import LocalCluster

    cluster = LocalCluster(n_workers=jobs, threads_per_worker=1, dashboard_address="127.0.0.1:0")
    return cluster.get_client().get_executor()  # type: ignore[no-any-return]
