"""How often somebody is refused, or cut short, although his balance would have sufficed: a simulation."""
