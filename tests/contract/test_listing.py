from __future__ import annotations

import pytest

KEYS = ["a", "in/1.out", "in/2.out", "in/deep/3.out", "in/deep/4.out", "other/5.out"]


@pytest.fixture
async def full(s3, bucket):
    """A bucket with six keys."""
    for key in KEYS:
        await s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    return bucket


def keys(page):
    """The keys of one page."""
    return [entry["Key"] for entry in page.get("Contents", [])]


async def test_everything(s3, full):
    """A listing names every key once, with its size and its ETag."""
    page = await s3.list_objects_v2(Bucket=full)
    head = await s3.head_object(Bucket=full, Key="a")

    assert (keys(page), page["KeyCount"], page["IsTruncated"]) == (KEYS, 6, False)
    assert (1, head["ETag"]) == (page["Contents"][0]["Size"], page["Contents"][0]["ETag"])


async def test_empty(s3, bucket):
    """A listing of nothing is no error."""
    page = await s3.list_objects_v2(Bucket=bucket)

    assert (keys(page), page["KeyCount"], page["IsTruncated"]) == ([], 0, False)


async def test_order(s3, bucket):
    """Keys come in the order of their UTF-8 bytes, whatever the order that they were put in."""
    ordered = ["A", "B/", "B/a", "Z", "_", "a", "a!", "a/", "aa", "é", "日"]
    for key in reversed(ordered):
        await s3.put_object(Bucket=bucket, Key=key, Body=b"")

    assert ordered == keys(await s3.list_objects_v2(Bucket=bucket))


async def test_prefix(s3, full):
    """A prefix is text, not a folder."""
    assert KEYS[1:5] == keys(await s3.list_objects_v2(Bucket=full, Prefix="in/"))
    assert KEYS[3:5] == keys(await s3.list_objects_v2(Bucket=full, Prefix="in/de"))
    assert keys(await s3.list_objects_v2(Bucket=full, Prefix="nothing")) == []


async def test_start_after(s3, full):
    """StartAfter leaves out all keys up to the one named, which need not exist."""
    assert KEYS[3:] == keys(await s3.list_objects_v2(Bucket=full, StartAfter="in/2.out"))
    assert KEYS[1:] == keys(await s3.list_objects_v2(Bucket=full, StartAfter="b"))


async def test_start_after_within_prefix(s3, full):
    """Prefix and StartAfter hold together."""
    page = await s3.list_objects_v2(Bucket=full, Prefix="in/", StartAfter="in/2.out")

    assert KEYS[3:5] == keys(page)


async def test_pages(s3, full):
    """Pages follow each other without a gap and without a key told twice."""
    pages, token = [], {}
    while True:
        page = await s3.list_objects_v2(Bucket=full, MaxKeys=4, **token)
        pages.append(keys(page))
        if not page["IsTruncated"]:
            break
        token = {"ContinuationToken": page["NextContinuationToken"]}

    assert [KEYS[:4], KEYS[4:]] == pages
    assert "NextContinuationToken" not in page


async def test_last_page_is_full(s3, full):
    """A page that holds exactly the rest is the last one."""
    page = await s3.list_objects_v2(Bucket=full, MaxKeys=6)

    assert (keys(page), page["IsTruncated"]) == (KEYS, False)


async def test_delimiter(s3, full):
    """A delimiter rolls the keys behind it up into one prefix each."""
    page = await s3.list_objects_v2(Bucket=full, Delimiter="/")

    assert keys(page) == ["a"]
    assert [entry["Prefix"] for entry in page["CommonPrefixes"]] == ["in/", "other/"]
    assert page["KeyCount"] == 3


async def test_delimiter_below_prefix(s3, full):
    """The delimiter is looked for behind the prefix."""
    page = await s3.list_objects_v2(Bucket=full, Prefix="in/", Delimiter="/")

    assert KEYS[1:3] == keys(page)
    assert [entry["Prefix"] for entry in page["CommonPrefixes"]] == ["in/deep/"]


async def test_pages_of_prefixes(s3, full):
    """A rolled-up prefix counts as one of the page's keys, and is told on one page only."""
    first = await s3.list_objects_v2(Bucket=full, Delimiter="/", MaxKeys=2)
    token = first["NextContinuationToken"]
    second = await s3.list_objects_v2(Bucket=full, Delimiter="/", MaxKeys=2, ContinuationToken=token)

    assert (keys(first), [entry["Prefix"] for entry in first["CommonPrefixes"]]) == (["a"], ["in/"])
    assert (keys(second), [entry["Prefix"] for entry in second["CommonPrefixes"]]) == ([], ["other/"])
    assert not second["IsTruncated"]


async def test_url_encoding(s3, bucket):
    """Asked for URL encoding, the server encodes keys and prefix, and leaves the slash as it is."""
    await s3.put_object(Bucket=bucket, Key="a b/ü+.out", Body=b"")

    page = await s3.list_objects_v2(Bucket=bucket, Prefix="a b/", EncodingType="url")

    assert page["EncodingType"] == "url"
    # Amazon writes a space as a plus; both spellings decode to the same key.
    assert page["Prefix"].replace("%20", "+") == "a+b/"
    assert [key.replace("%20", "+") for key in keys(page)] == ["a+b/%C3%BC%2B.out"]


async def test_control_characters(s3, bucket):
    """A key that XML cannot say is listed all the same, thanks to URL encoding."""
    await s3.put_object(Bucket=bucket, Key="line\nbell\x07", Body=b"")

    assert keys(await s3.list_objects_v2(Bucket=bucket)) == ["line\nbell\x07"]


async def test_read_after_write(s3, bucket):
    """A listing shows a PUT and a DELETE as soon as they are answered."""
    await s3.put_object(Bucket=bucket, Key="k", Body=b"")
    after_put = keys(await s3.list_objects_v2(Bucket=bucket))
    await s3.delete_object(Bucket=bucket, Key="k")
    after_delete = keys(await s3.list_objects_v2(Bucket=bucket))

    assert (after_put, after_delete) == (["k"], [])
