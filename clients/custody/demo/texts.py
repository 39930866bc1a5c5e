"""What the demo says, in English and Chinese."""

from typing import Final

LANGUAGES: Final = ("en", "zh")

TEXTS: Final = {
    "en": {
        "step-footage": "Footage: {count} files in {streams} stream(s), from {source}",
        "source-own": "a short clip encoded just now",
        "step-start": "Signer and ledger started; the log is {origin}",
        "step-record": "{count} segments recorded; every receipt was verified before a record was let go",
        "step-access": "Two officers copied footage; their names stay outside the log",
        "step-verify": "Checked: footage {footage}, log {log}",
        "step-tamper": "Now five attempts to falsify, each by somebody who has everything but the signing key:",
        "case-file": "one bit of a footage file changed",
        "case-deleted": "a footage file deleted",
        "case-entry": "one bit of an entry in the database changed",
        "case-removed": "the entry of the officers' access left out, and everything else recomputed to fit",
        "case-rollback": "the whole database set back to before the access",
        "caught": "caught",
        "missed": "NOT CAUGHT",
        "summary": "What this shows",
        "sum-good": "The {count} recordings are exactly what was recorded, and the ledger is complete: every check passed.",
        "sum-caught": "{caught} of {total} falsifications were found, each with its place and name:",
        "sum-why": "Nobody had to be trusted for this: not the recorder, not the operator of the ledger. The log's key, its"
        " last checkpoint and the files were enough.",
        "sum-limits": "Not shown here: that the camera saw what it should have seen. A ledger proves what became of a"
        " recording, not what happened before it was recorded.",
        "sum-look": "Look at it yourself: {folder}",
        "sum-try": "For example:",
        "failed": "The demo did not show what it should; see above.",
    },
    "zh": {
        "step-footage": "录像：{streams} 路视频流，共 {count} 个文件，来源：{source}",
        "source-own": "刚刚编码的一小段示例视频",
        "step-start": "签名程序与账本已启动；日志名称：{origin}",
        "step-record": "已登记 {count} 个录像分段；每份回执经验证后才放行",
        "step-access": "两名工作人员复制了录像；姓名不写入日志，只写入加盐承诺",
        "step-verify": "核验结果：录像 {footage}，日志 {log}",
        "step-tamper": "下面尝试五种篡改，篡改者拥有除签名密钥以外的一切：",
        "case-file": "改动录像文件中的一个比特",
        "case-deleted": "删除一个录像文件",
        "case-entry": "改动数据库中一条记录的一个比特",
        "case-removed": "抹去工作人员复制录像的记录，并重新计算其余全部内容",
        "case-rollback": "把整个数据库恢复到复制录像之前的状态",
        "caught": "已发现",
        "missed": "未发现",
        "summary": "这说明什么",
        "sum-good": "{count} 段录像与录制时完全一致，账本完整：各项检查全部通过。",
        "sum-caught": "{total} 次篡改中发现 {caught} 次，并逐一指明位置和名称：",
        "sum-why": "整个过程无需信任任何一方：既不必信任录像设备，也不必信任账本的运营者。只需日志公钥、最后一个检查点和录像文件。",
        "sum-limits": "本演示不能说明：摄像机是否拍到了应当拍到的内容。账本证明录像形成之后的经过，不证明录像形成之前的事实。",
        "sum-look": "可自行查看：{folder}",
        "sum-try": "例如：",
        "failed": "演示未达到预期结果，请查看上文。",
    },
}
