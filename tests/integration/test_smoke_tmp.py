from tests.integration.gateway import *
async def test_a(api):
    c = await api.open()
    r = await c.say("mot de passe oublié")
    print(r)
    t = await c.open_ticket()
    print(t, await c.said())
async def test_b(start):
    api = await start()
    c = await api.open()
    print(await c.open_ticket())
async def test_c(start):
    api = await start()
    c = await api.open()
    print(await c.open_ticket())
