"""CPU microseconds a request of a Python HTTP client: http_client.py httpx|requests URL CONCURRENCY REQUESTS BODYFILE.

Prints one number, or exits 3 when the client is not installed.
"""
import sys
import time


def main() -> None:
    client, url, concurrency, requests, path = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
    with open(path, "rb") as file:
        body = file.read()
    headers = {"Content-Type": "application/json"}
    try:
        seconds = {"httpx": with_httpx, "requests": with_requests}[client](url, concurrency, requests, body, headers)
    except ImportError:
        sys.exit(3)
    print(seconds / requests * 1e6)


def with_httpx(url, concurrency, requests, body, headers):
    import asyncio

    import httpx

    async def run():
        limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
        async with httpx.AsyncClient(limits=limits, timeout=60, trust_env=False) as client:

            async def worker(count):
                for _ in range(count):
                    (await client.post(url, content=body, headers=headers)).raise_for_status()

            await asyncio.gather(*[worker(1) for _ in range(concurrency)])
            start = time.process_time()
            await asyncio.gather(*[worker(requests // concurrency) for _ in range(concurrency)])
            return time.process_time() - start

    return asyncio.run(run())


def with_requests(url, concurrency, requests, body, headers):
    import concurrent.futures

    import requests as library

    def worker(count):
        with library.Session() as session:
            session.trust_env = False
            for _ in range(count):
                session.post(url, data=body, headers=headers).raise_for_status()

    with concurrent.futures.ThreadPoolExecutor(concurrency) as pool:
        start = time.process_time()
        list(pool.map(worker, [requests // concurrency] * concurrency))
        return time.process_time() - start


main()
