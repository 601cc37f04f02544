import asyncio, pytest
from tests.integration.conftest import *
from tests.integration.jwts import sign
from tests.integration.gateway import *
@ONE_KIND
async def test_stress(api):
    bad=0
    for i in range(60):
        answers = await asyncio.gather(*(api.http.post(api.base.join(URL("/api/v1/sessions")), data=b"{}", headers={"Content-Type":"application/json","Authorization":"Bearer "+sign(sub=f"x{i}")}) for _ in range(6)))
        st=[a.status for a in answers]
        if st!=[201]*6: print(i,st); bad+=1
    assert not bad
